# isync: METHOD is one of AuthMechs.
mkdir $HOME/box
tls='SSLType None'
[ $TLS = no ] || tls="SSLType STARTTLS
CertificateFile $CERT"
cat >$HOME/mbsyncrc <<X
IMAPAccount a
Host $HOST
Port $PORT
User $WHO
Pass $PASSWORD
$tls
AuthMechs $METHOD
Timeout 30

IMAPStore far
Account a

MaildirStore near
Path $HOME/box/
Inbox $HOME/box/INBOX

Channel c
Far :far:
Near :near:
Sync Pull
Create Near
X
mbsync -c $HOME/mbsyncrc c 2>&1
cat $HOME/box/INBOX/new/* $HOME/box/INBOX/cur/* 2>/dev/null | grep -v '^X-TUID'
true
