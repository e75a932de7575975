# A line of 16 Mbit/s: when the ACKs of a round trip span half of it, slow start is over without a loss (HyStart's ACK train).
server window 9000000
delay 50
rate client 16000
end 3
at 0.2 client write 1000000
