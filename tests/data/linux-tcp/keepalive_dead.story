# The server can no longer be reached: three probes without an answer, then a reset.
delay 20
end 8
client keepalive 1 1 3
at 0.2 client write 100
cut 0.5 8
