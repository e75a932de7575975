# The last three segments are lost: the probe repairs the last and tells of the others.
delay 40
end 3
drop client 17377
drop client 18825
drop client 20273
at 0.2 client write 20500
