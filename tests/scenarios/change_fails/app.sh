echo "mark $MARK"
[ "$MARK" = bad ] && exit 9
exec sleep 1000000
