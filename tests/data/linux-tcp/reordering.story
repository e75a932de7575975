# One segment arrives 25 ms late, behind others sent after it: a retransmission for nothing, which D-SACK reports.
delay 40
end 3
late client 14481 25
at 0.2 client write 66000
