# The retransmission is lost as well: RACK finds it by what was sent after it.
delay 40
end 3
drop client 14481 1-2
at 0.2 client write 90000
