# The client connects once more from the same port while the server is still in TIME-WAIT (RFC 9293 3.6.1, RFC 6191).
delay 20
end 4
at 0.2 client write 500
at 0.5 server close
at 0.6 client close
at 2.0 client connect
at 2.2 client write 700
