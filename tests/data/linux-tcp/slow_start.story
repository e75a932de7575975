# An initial window of ten segments that doubles each round trip.
delay 40
end 2
at 0.2 client write 90000
