# Everything is lost for a while: timeouts that double, then slow start.
delay 20
end 12
cut 0.3 4
at 0.1 client write 5000
at 0.5 client write 30000
