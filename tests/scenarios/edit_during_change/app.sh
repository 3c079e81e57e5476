echo "mark $MARK"
sleep 0.1
exec sleep 1000000
