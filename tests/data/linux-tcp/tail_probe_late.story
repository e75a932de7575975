# The original was only late: the first acknowledgement does not tell, the D-SACK does. The window stays.
delay 20
end 2.2
late client 30001 400
at 0.2 client write 30000
at 1.0 client write 500
at 1.9 client write 30000
