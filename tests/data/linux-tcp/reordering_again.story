# Reordering is remembered: RACK waits at the second time, longer after a D-SACK, and the window grows by what is reported.
delay 40
end 3.2
late client 14481 25
late client 90001 8
late client 160001 28
at 0.2 client write 66000
at 1.5 client write 66000
at 2.45 client write 66000
