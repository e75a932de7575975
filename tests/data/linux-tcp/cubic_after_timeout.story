# A window is lost and the probe too: a timeout, slow start up to the threshold, then CUBIC's first epoch from there (K is 0).
server window 9000000
delay 30
cut 0.35 0.6 client
end 4
at 0.2 client write 700000
