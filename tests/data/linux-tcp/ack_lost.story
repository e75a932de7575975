# Some acknowledgements are lost, which later ones make up for.
delay 20
end 2
drop server ack 2-4
at 0.2 client write 60000
