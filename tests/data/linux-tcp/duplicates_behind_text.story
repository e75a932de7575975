# Without SACK: the first of three ACKs that repeat a number comes behind text, so it is no duplicate, and the timer has to do it.
delay 20
end 2
client off sack
client nodelay
server nodelay
drop client 1 1
at 0.2 server write 3000
at 0.5 client write 5000
at 1.0 client write 9000
