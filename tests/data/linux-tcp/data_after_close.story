# Data for an application that has gone: a reset.
delay 20
end 3
at 0.2 client write 100
at 0.4 client close
at 0.6 server write 5000
