# Probes of an idle connection, answered.
delay 20
end 6
client keepalive 1 1 3
client nodelay
at 0.2 client write 100
