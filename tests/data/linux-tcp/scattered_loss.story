# Three segments with others between them are lost.
delay 40
end 3
drop client 14481
drop client 18825
drop client 24617
at 0.2 client write 80000
