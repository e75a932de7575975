# Four neighbouring segments of a window are lost.
delay 40
end 3
drop client 14481
drop client 15929
drop client 17377
drop client 18825
at 0.2 client write 80000
