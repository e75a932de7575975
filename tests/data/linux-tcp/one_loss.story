# One segment of a window is lost: RACK sees it by three selective acknowledgements; one retransmission.
delay 40
end 2
drop client 14481
at 0.2 client write 60000
