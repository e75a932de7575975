# After an idle time the window falls back to ten segments (RFC 5681 4.1).
delay 40
end 4
at 0.2 client write 70000
at 2.5 client write 70000
