package scalers
