# The only segment in flight is lost.
delay 40
end 3
drop client 101
at 0.2 client write 100
at 0.5 client write 100
