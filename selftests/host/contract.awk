# SPDX-License-Identifier: GPL-2.0
#
# Reads uapi/linux/mailbox.h and prints, for a test to include, what it says:
#
#	COMMAND(SEND, mailbox_send)		each command and its struct
#	MEMBER(SEND, mailbox_send, receipt.pid)	each member of that struct
#	REASON(FULL)				each reason
#
# So that the library's tables are held against the header itself.

# Members of a struct, nested ones by their last part.
/^struct mailbox_[a-z_]+ \{/ {
	current = $2
	next
}

current && /^\};/ {
	current = ""
	next
}

current && /;/ {
	type = ($1 == "struct") ? $2 : ""
	sub(/(\[.*)?;.*/, "")
	name = $NF
	if (type in members) {
		count = split(members[type], inner, " ")
		for (i = 1; i <= count; i++)
			members[current] = members[current] " " name "." inner[i]
	} else {
		members[current] = members[current] " " name
	}
	next
}

/^[ \t]+MAILBOX_REASON_[A-Z_]+ = / {
	sub(/MAILBOX_REASON_/, "", $1)
	print "REASON(" $1 ")"
	next
}

/^#define MAILBOX_IOC_[A-Z_]+[ \t]+_IO/ {
	command = $2
	sub(/MAILBOX_IOC_/, "", command)
	struct = $NF
	sub(/\).*/, "", struct)
	print "COMMAND(" command ", " struct ")"
	count = split(members[struct], names, " ")
	for (i = 1; i <= count; i++)
		print "MEMBER(" command ", " struct ", " names[i] ")"
}
