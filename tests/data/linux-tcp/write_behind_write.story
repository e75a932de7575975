# What waits for the window is filled up by the next write, and is pushed only where a write ends.
delay 20
end 2
client nodelay
at 0.2 client write 20000
at 0.21 client write 100
at 0.211 client write 3000
