# Data sent soon after an ACK without text answers nothing: only text received a moment ago makes a dialogue (ping-pong).
delay 41
end 4.5
client nodelay
server nodelay
at 0.2 server write 60000
at 1.601 client write 1000
at 1.69 client write 1000
at 1.7 server write 1448
at 2.601 client write 1000
at 2.69 client write 1000
at 2.7 server write 1448
at 2.751 server write 1448
