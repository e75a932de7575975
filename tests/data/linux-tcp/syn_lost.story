# The first SYN and then the SYN,ACK are lost: the initial timeout, and a window that starts at one segment.
delay 20
end 5
drop client 0
drop server 0
at 3.3 client write 20000
