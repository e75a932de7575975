# The acknowledgements are held back, not the data.
delay 20
end 3
at 0.1 client write 20000
hold 0.3 0.9 server
at 0.4 client write 38000
