# examples.awk: cuts the commands of ```console blocks into DIR/NNN.cmd, .want and .where.
FNR == 1 { inside = 0; name = "" }
/^```console/ { inside = 1; name = ""; next }
/^```/ { inside = 0; name = ""; next }
!inside { next }
/^\$ / {
	name = sprintf("%s/%03d", dir, ++count)
	print substr($0, 3) >(name ".cmd")
	print FILENAME ":" FNR >(name ".where")
	close(name ".cmd")
	close(name ".where")
	next
}
name != "" { print >(name ".want") }
