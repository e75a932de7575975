# The client closes with unread data: a reset (RFC 1122 4.2.2.13).
delay 20
end 2
at 0.1 client pause
at 0.2 server write 3000
at 0.5 client close
