# The server's application stops reading: the window closes, the client probes, the application reads again.
delay 20
end 14
server window 20000
at 0.1 server pause
at 0.2 client write 30000
at 8 server resume
