# The same without SACK: three duplicate ACKs (RFC 5681, 6582).
delay 40
end 3
client off sack
drop client 14481
at 0.2 client write 60000
