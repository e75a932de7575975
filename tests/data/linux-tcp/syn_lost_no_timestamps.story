# A SYN sent twice gives no sample without timestamps: a probe after a second, then a timer of 3 s (RFC 6298 5.7, RFC 8985 7.2).
delay 20
end 10
client off timestamps
drop client 0 1
drop client 1 1-3
at 1.5 client write 500
