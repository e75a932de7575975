# The last segment is lost: a tail loss probe repairs it, without a timeout.
delay 40
end 3
drop client 20273
at 0.2 client write 20500
