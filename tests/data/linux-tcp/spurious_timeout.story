# The network pauses for longer than the retransmission timeout and loses nothing: F-RTO (RFC 5682), the window is restored.
delay 20
end 3
at 0.1 client write 20000
hold 0.3 0.9 client
at 0.4 client write 38000
