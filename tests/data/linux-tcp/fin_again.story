# A FIN whose acknowledgement was lost: the second is answered with a D-SACK of one.
delay 20
end 2
drop server ack 2-3
at 0.2 client write 500
at 0.2 client shutdown
