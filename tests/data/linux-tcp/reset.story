# An abortive close while data is on its way.
delay 20
end 2
at 0.2 server write 8000
at 0.23 client abort
