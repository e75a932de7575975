# Small writes with Nagle's algorithm and delayed acknowledgements.
delay 20
end 2
at 0.2 client write 100
at 0.205 client write 100
at 0.210 client write 100
at 0.215 client write 100
at 0.5 server write 50
