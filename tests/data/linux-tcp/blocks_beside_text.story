# Both ends have a hole: blocks beside text make it shorter, sent again too; neighbours are one block.
delay 40
end 2
client nodelay
server nodelay
drop client 2897 1
drop server 1 1
at 0.2 server write 6000
at 0.21 client write 20000
at 0.3 client write 6000
