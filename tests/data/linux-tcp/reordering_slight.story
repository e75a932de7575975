# One segment arrives 5 ms late.
delay 40
end 3
late client 14481 5
at 0.2 client write 66000
