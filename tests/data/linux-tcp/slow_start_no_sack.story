# Slow start without SACK, timestamps and window scaling.
delay 40
end 2
client off sack timestamps window_scaling
at 0.2 client write 40000
