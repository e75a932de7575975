# Two segments of a window are lost and there is no SACK: a partial acknowledgement each (RFC 6582).
delay 40
end 4
client off sack
drop client 14481
drop client 17377
at 0.2 client write 60000
