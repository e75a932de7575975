# The probe repaired a loss: that is certain, and the window falls, when more than the probe is acknowledged.
delay 20
end 2.6
drop client 30001 1
at 0.2 client write 30000
at 1.0 client write 500
at 1.9 client write 60000
