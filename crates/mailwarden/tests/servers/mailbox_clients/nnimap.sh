# Emacs: METHOD is an authenticator of nnimap.
mkdir $HOME/.emacs.d
echo "machine $HOST port $PORT login $WHO password $PASSWORD" >$HOME/.authinfo
chmod 600 $HOME/.authinfo
cat >$HOME/play.el <<'X'
(require 'gnus)
(require 'nnimap)
(setq auth-sources (list (expand-file-name "~/.authinfo")) network-security-level 'low nsm-noninteractive t)
(setq nntp-server-buffer (get-buffer-create " *nntp*"))
(defvar encrypted (equal (getenv "TLS") "yes"))
(unless encrypted (defun gnutls-available-p () nil))
(condition-case problem
    (progn
      (nnimap-open-server "far"
       (list (list 'nnimap-address (getenv "HOST"))
             (list 'nnimap-server-port (string-to-number (getenv "PORT")))
             (list 'nnimap-stream (if encrypted 'starttls 'network))
             (list 'nnimap-authenticator (intern (getenv "METHOD")))))
      (nnimap-request-article 1 "INBOX" "far" nntp-server-buffer)
      (princ (with-current-buffer nntp-server-buffer (buffer-string)))
      (nnimap-close-server "far"))
  (error (princ (format "failed %S" problem))))
(princ (nnheader-get-report 'nnimap))
X
emacs --batch -Q -l $HOME/play.el 2>&1
true
