# The client ends its direction; the server goes on sending, then ends its own.
delay 20
end 3
at 0.2 client write 500
at 0.4 client shutdown
at 0.6 server write 30000
at 1.2 server close
