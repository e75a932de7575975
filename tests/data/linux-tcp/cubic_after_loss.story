# One segment is lost late: CUBIC grows back towards the window it had.
server window 9000000
delay 30
drop client 144801
end 4
at 0.2 client write 695000
