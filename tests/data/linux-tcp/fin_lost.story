# The FIN is lost.
delay 20
end 3
drop client 501
at 0.2 client write 500
at 0.5 client close
at 1.5 server close
