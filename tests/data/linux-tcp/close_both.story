# Both ends close at the same moment.
delay 20
end 2
at 0.2 client write 500
at 0.5 client close
at 0.5 server close
