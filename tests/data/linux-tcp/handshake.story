# The handshake, one small exchange, and an orderly end from the client.
delay 20
end 2
at 0.2 client write 168
got 168 server write 300
at 0.6 client close
at 0.9 server close
