# The same without timestamps.
delay 20
end 3
client off timestamps
at 0.1 client write 20000
hold 0.3 0.9 client
at 0.4 client write 38000
