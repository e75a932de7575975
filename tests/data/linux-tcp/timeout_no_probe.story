# A lost tail without the probe: the retransmission timeout.
delay 40
end 4
client off tail_loss_probe
drop client 18825
drop client 20273
at 0.2 client write 20500
