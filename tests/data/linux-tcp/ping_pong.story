# A dialogue: acknowledgements ride on the answers; and one that has to wait for its timer.
delay 20
end 4
client nodelay
server nodelay
at 0.2 client write 200
got 200 server write 300
at 0.4 client write 200
got 400 server write 300
at 0.6 client write 200
got 600 server write 300
at 0.8 client write 200
at 1.5 client write 200
at 1.51 client write 200
