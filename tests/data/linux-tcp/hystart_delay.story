# A line of 5 Mbit/s: ACKs are too far apart for a train, but each round trip takes longer than the first ones (HyStart's delay).
server window 9000000
delay 50
rate client 5000
end 4
at 0.2 client write 1000000
